"""What gives the target away: columns that hold it, and rows on both sides of a split."""
