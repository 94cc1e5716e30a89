"""What a computation writes and reads back: results, checkpoints, and the rows of the file."""
