"""The only composer of stages; its functions are the Python API."""
