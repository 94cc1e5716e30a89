"""From a vein's image or foreign mesh to tetrahedra in metres with named boundaries."""
