"""Results as text for terminals, Markdown, code scanning and diagrams; each quotes by its target's own rule."""
