from .choices import Choices
from .server import Address, serving

__all__ = ["Address", "Choices", "serving"]
