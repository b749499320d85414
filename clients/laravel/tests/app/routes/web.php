<?php

use Parley\Laravel\Facades\Parley;

Parley::routes(['middleware' => []]);
