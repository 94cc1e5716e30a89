"""Coagulation chemistry: pure arrays, batched over points, the same in a test tube, in the wall
film and in flowing blood.

A state is an array (species, points) in nM; times are in seconds. A kernel knows `names`, `scale`
(smallest amounts that matter), `rates`, `jacobian` and `take`; `integrate.advance` moves any
kernel in time. No MPI, no mesh.
"""
