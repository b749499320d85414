<?php

use Illuminate\Support\Facades\Route;
use Parley\Laravel\Facades\Parley;

// The broadcasting routes: /broadcasting/auth, /broadcasting/user-auth and /broadcasting/token. They change nothing and
// their answers are of use only to who can read them, so a stock client that sends nothing but the cookie is served too
// (no `no-forgery`).
Parley::routes(['middleware' => ['auth:api']]);

Route::get('/', fn () => ['message' => 'The chat\'s API. Its pages are the frontend\'s: see examples/chat/README.md']);
