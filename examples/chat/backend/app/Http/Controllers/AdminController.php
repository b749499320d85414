<?php

namespace App\Http\Controllers;

use App\Models\User;
use App\Support\Statuses;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;

class AdminController extends Controller
{
    /** Who is where: everybody with status, and the presence channels that somebody of theirs is in. */
    public function index(Request $request): JsonResponse
    {
        abort_unless($request->user()->admin, 403, 'This is for admins');
        $people = User::query()->orderBy('id')->get();
        $statuses = Statuses::of($people);
        $channels = $this->channelsByUser();

        return response()->json(['people' => $people->map(fn (User $user) => [...$user->card(), ...$statuses->for($user), 'channels' => $channels[$user->id] ?? []])]);
    }

    /** One call for each channel that is occupied: there are fewer of them than people. */
    private function channelsByUser(): array
    {
        $by = [];
        try {
            foreach (array_keys(Parley::channels('presence-')) as $channel) {
                foreach (Parley::members($channel) as $id) {
                    $by[$id][] = $channel;
                }
            }
        } catch (ParleyException $away) {
            report($away);
        }

        return $by;
    }
}
