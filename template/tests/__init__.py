import gc

# What is imported stays, so looking for garbage meanwhile only takes time: a tenth of the
# run. conftest.py switches the collector on again.
gc.disable()
