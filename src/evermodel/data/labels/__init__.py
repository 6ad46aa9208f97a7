"""Labels that look wrong, and how many of them there are."""
