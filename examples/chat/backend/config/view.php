<?php

// Nothing here has a page: all answers are JSON. Laravel wants to know nevertheless.
return [
    'paths' => [],
    'compiled' => storage_path('framework/views'),
];
