"""Results as people read them: text for the terminal, SVG pictures, self-contained HTML pages."""
