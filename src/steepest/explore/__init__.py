"""Pages that a reader moves: five explorers in plain JavaScript, for a lecture, a site or a file.

Their mathematics is this package's, in the browser; nothing here computes, or imports what does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
