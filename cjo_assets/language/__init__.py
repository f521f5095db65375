"""What a language model is asked, and what of its answer may be shown: pure, without a call.

A model phrases what the tables prove. It decides nothing, nothing is decided on what it says, and a number that was
not given to it ends its text.
"""
