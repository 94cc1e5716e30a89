"""Physics on a vessel mesh: flow, transport, clot growth and their coupling in time."""
