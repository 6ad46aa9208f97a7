"""What a data set is, for people as a datasheet and for machines as Croissant."""
