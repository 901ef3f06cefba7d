"""One module for each file format, which ends in its `FORMAT`; `arrays.FORMATS` lists them."""
