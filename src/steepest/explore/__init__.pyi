from .pages import EXPLORERS, explorer_page, module_script, stylesheet

__all__ = ["EXPLORERS", "explorer_page", "module_script", "stylesheet"]
