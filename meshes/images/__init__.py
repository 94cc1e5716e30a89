"""Images in: files and series, headers that are not mended in silence, labels, segmentation."""
