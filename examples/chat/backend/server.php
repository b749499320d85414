<?php

// What `php artisan serve` hands each request to. Nothing but the application is served.
require __DIR__.'/public/index.php';
