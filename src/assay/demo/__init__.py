"""What ``assay demo`` shows: RealityCam from an empty server to a proof, a photo and a mistake that is caught."""
