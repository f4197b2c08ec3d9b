"""The probe: an island that runs inside the watched kernel.

Nothing in kernelscope imports these modules; they are read as text, sent, and live in the kernel
under ``sys.modules``, in packages of the same names (see ``kernelscope/kernel/inject.py``).  Standard library only, Python 3.9+.

What it promises the kernel's user: no name in the namespace, no entry in ``In``, ``Out`` or the
history, no output; nothing of the user's is kept alive; none of the user's code is run; nothing is
imported; every look is bounded; nothing is raised into a cell; and it leaves without a trace.

================= ================================================================================
``loader``        the one entry: installs the modules below, or finds them installed
``tables``        what the rules of all libraries say, as data that came with the install
``types``         what an object is, from its type and without running its code
``identity``      tokens backed by weak references
``interrupts``    exceptions of the user's that land in the probe
``budget``        how long the probe may work
``tensors``       tensors of any library, by the reader of each
``library``       the protocol of ``kernelscope/libraries/*/in_kernel.py``, and which libraries are switched off
``fingerprints``  the content of containers, kept so that an unchanged one is known without a hash
``texts``         values as short texts
``values``        parameters and learned attributes as facts: text, digest, serial
``names``         the user's own names in a namespace
``containers``    what containers hold, taken out in C
``structure``     which globals reach something else than at the last look
``walk``          which names reach which models
``global_walks``  walks through what the structure says differs
``name_table``    which name reaches which model, and which a budget hides
``parts``         the models that a composite is made of
``tracked``       what is remembered of an object between looks
``postponed``     models that no look had the time to describe
``content``       the content of one model's attributes, to compare with
``marks``         what the attributes of all models hold, compared at once
``describer``     describes one model after another
``sight``         which objects are in sight
``rotation``      whose content is looked at next
``in_sight``      what comes into sight, and leaves it
``mentions``      what a cell can have touched
``newcomers``     describes what names reach for the first time
``scanner``       looks at the namespace, and reports what differs
``standins``      what stands for values that no namespace holds
``lookups``       attributes, items and functions, looked up without running anything
``resolve``       what an expression stands for
``arguments``     what a call binds to the parameters of a function
``sources``       the sources of functions, helper modules and scripts
``persistence``   saves and loads that a cell's source contains
``cell_notes``    what the reading of a cell has found
``frame``         where in the source a reading is
``statements``    statements and expressions, in the order in which they run
``picklers``      what pickler objects do with files
``trainers``      what a library's trainer does with files
``methods``       method calls in the source
``functions``     functions, scripts, magics and texts that a call leads into
``calls_in_code`` any call in the source, and who reads it
``code``          reads a cell with all of these
``calls``         calls seen as they happen (``sys.monitoring``, CPython 3.12+)
``arrivals``      how a model's state arrives or leaves: by a copy, another process or a file
``raised``        learning calls that the error of a run passed through
``agent``         the probe: its parts below put together, and what the loader asks of it
``install``       what is put into the kernel, and taken out again
``hooks``         callbacks of IPython's events, and of the poller
``guard``         no exception leaves a callback
``runs``          which runs are under way
``interlude``     whether anything can have happened between two runs
``observe``       one look becomes one observation
``history``       what is kept for watchers to come
``comm``          the kernel's end of the comm, and sending
``lease``         the watchers, and whether the probe has a reason to stay
``keep_alive``    how long it stays after the last watcher
``processes``     whether a watcher's process is alive
``poller``        looks between runs
``pulse``         looks while a run lasts
``cost``          what the probe costs
``kernel_info``   which kernel this is
``wire``          the form of what is sent; for the type checker, and not sent itself
``audit``         what the kernel looks like from inside; sent by itself
================= ================================================================================
"""
