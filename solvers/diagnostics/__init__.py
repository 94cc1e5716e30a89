"""What is observed of a flow at every step: means, balances, forces, wall traction."""
