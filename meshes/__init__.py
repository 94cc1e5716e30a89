"""From a vein's image, surface or foreign mesh to tagged tetrahedra in metres with named boundaries."""
