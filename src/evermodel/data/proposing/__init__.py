"""The project file that `init` proposes, each choice with its reason."""
