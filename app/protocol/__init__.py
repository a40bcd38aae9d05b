"""The pure core: what peers may say, and when we believe them."""
