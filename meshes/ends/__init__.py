"""The ends of a vessel: found, proposed, cut square, extended, capped, named."""
