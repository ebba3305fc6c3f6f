"""Core: the nouns; a package of its own, so that Python finds it in a zip as well."""
