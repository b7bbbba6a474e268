"""Assay inside of other people's software: each module needs what it is named after."""
