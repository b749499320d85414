<?php

namespace App\Http\Controllers;

use App\Models\User;
use App\Support\Statuses;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;

class PeopleController extends Controller
{
    public function index(Request $request, string $domain): JsonResponse
    {
        $people = $this->domainOf($request, $domain)->users;
        $statuses = Statuses::of($people);

        return response()->json(['people' => $people->map(fn (User $user) => [...$user->card(), ...$statuses->for($user)])]);
    }
}
