"""The probe: an island that runs inside the watched kernel.

Nothing in kernelscope imports these modules; they are read as text, sent, and live in the kernel
under ``sys.modules`` (see ``kernelscope/kernel/inject.py``).  Standard library only, Python 3.9+.

What it promises the kernel's user: no name in the namespace, no entry in ``In``, ``Out`` or the
history, no output; nothing of the user's is kept alive; none of the user's code is run; nothing is
imported; every look is bounded; nothing is raised into a cell; and it leaves without a trace.

==============  ===================================================================
``loader``      the one entry: installs the modules below, or finds them installed
``types``       what an object is, told from its type without running its code
``identity``    tokens backed by weak references
``interrupts``  exceptions of the user's that land in the probe
``budget``      how long the probe may work
``tensors``     tensors of PyTorch and TensorFlow, read without running the user's code
``values``      parameters and learned attributes as facts: text, digest, serial
``frameworks``  how the models of each framework are read
``names``       the user's own names in a namespace
``look``        one look at the namespace
``syntax``      the form of a cell's source
``resolve``     what an expression stands for, without running it
``sources``     the sources of functions, helper modules and scripts
``persistence`` saves and loads that a cell's source contains
``code``        what a cell can have called, read from its source
``calls``       calls seen as they happen (``sys.monitoring``, CPython 3.12+)
``agent``       the probe: its parts below put together, and what the loader asks of it
``install``     what is put into the kernel, and taken out again
``hooks``       callbacks of IPython's events, and of the poller
``guard``       no exception leaves a callback
``runs``        which runs are under way
``observe``     one look becomes one observation
``history``     what is kept for watchers to come
``comm``        the kernel's end of the comm, and sending
``lease``       the watchers, and whether the probe has a reason to stay
``keep_alive``  how long it stays after the last watcher
``processes``   whether a watcher's process is alive
``poller``      looks between runs
``pulse``       looks while a run lasts
``cost``        what the probe costs
``kernel_info`` which kernel this is
``wire``        the form of what is sent; for the type checker, and not sent itself
``audit``       what the kernel looks like from inside; sent by itself
==============  ===================================================================
"""
