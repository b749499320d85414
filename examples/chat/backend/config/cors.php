<?php

// Pages of other origins that may call the API with the visitor's cookie. Behind one proxy none is needed.
return [
    'origins' => array_filter(array_map('trim', explode(',', (string) env('FRONTEND_URL', 'http://localhost:3000')))),
];
