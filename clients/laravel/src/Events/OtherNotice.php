<?php

namespace Parley\Laravel\Events;

// A notice that this version of the package has no event for: look at all().

class OtherNotice implements Notice
{
    use ToldByServer;
}
