import gc

# All that is imported stays, so collecting garbage meanwhile is wasted time. The collector is
# switched on again in plugins/collector.py.
gc.disable()
