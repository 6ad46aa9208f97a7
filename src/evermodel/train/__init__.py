"""From rows to a candidate bundle: split, prepare, search, fit, calibrate, convert, prove."""
