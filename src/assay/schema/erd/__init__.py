"""Entity-relationship diagrams: as Mermaid text, and as SVG by a layout of Assay's own."""
