<?php

use App\Http\Controllers\AdminController;
use App\Http\Controllers\HealthController;
use App\Http\Controllers\LoginController;
use App\Http\Controllers\MessageController;
use App\Http\Controllers\PeopleController;
use App\Http\Controllers\ReadController;
use Illuminate\Support\Facades\Route;

Route::get('up', HealthController::class);
Route::post('login', [LoginController::class, 'login']);

Route::middleware(['auth:api', 'no-forgery'])->group(function () {
    Route::post('logout', [LoginController::class, 'logout']);
    Route::get('me', [LoginController::class, 'me']);

    Route::get('domains/{domain}/messages', [MessageController::class, 'index']);
    Route::post('domains/{domain}/messages', [MessageController::class, 'store']);
    Route::post('domains/{domain}/read', [ReadController::class, 'store']);
    Route::get('unread', [ReadController::class, 'index']);
    Route::get('domains/{domain}/people', [PeopleController::class, 'index']);

    Route::get('admin/people', [AdminController::class, 'index']);
});
