<?php

namespace App;

use Illuminate\Foundation\Http\Kernel;

class HttpKernel extends Kernel
{
    protected $middlewareGroups = ['web' => [\Illuminate\Session\Middleware\StartSession::class, \Illuminate\Foundation\Http\Middleware\VerifyCsrfToken::class]];
}
