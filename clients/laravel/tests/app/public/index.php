<?php

// Behind `php -S`: the same application, for the server that calls it.

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;

require getenv('PARLEY_TEST_BOOTSTRAP');
$basePath = dirname(__DIR__);
$app = require $basePath.'/bootstrap/app.php';
$kernel = $app->make(Kernel::class);
$response = $kernel->handle($request = Request::capture());
$response->send();
$kernel->terminate($request, $response);
