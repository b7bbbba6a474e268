"""RealityCam: phones register, upload what they photographed, and anyone can ask whether a photo is known."""
