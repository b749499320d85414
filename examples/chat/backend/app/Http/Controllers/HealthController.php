<?php

namespace App\Http\Controllers;

use App\Models\User;
use Illuminate\Database\QueryException;
use Illuminate\Http\JsonResponse;

class HealthController extends Controller
{
    /** 200 when somebody can sign in: the database is migrated and has people. */
    public function __invoke(): JsonResponse
    {
        try {
            $ready = User::query()->exists();
        } catch (QueryException) {
            return response()->json(['message' => 'The database is not ready: run `php artisan migrate --seed`, or set AUTO_MIGRATE=true'], 503);
        }

        return $ready ? response()->json(['message' => 'ready']) : response()->json(['message' => 'Nobody is in the database: run `php artisan db:seed`, or set SEED_PEOPLE=true'], 503);
    }
}
