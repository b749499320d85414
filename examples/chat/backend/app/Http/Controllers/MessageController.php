<?php

namespace App\Http\Controllers;

use App\Events\MessageSent;
use App\Models\Domain;
use App\Models\Message;
use Illuminate\Database\Eloquent\Collection;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Validation\ValidationException;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;

class MessageController extends Controller
{
    /** A page, oldest first: the newest, those before an id, or those after one. */
    public function index(Request $request, string $domain): JsonResponse
    {
        $domain = $this->domainOf($request, $domain);
        $given = $this->validate($request, [
            'before' => 'nullable|integer|min:1',
            'after' => 'nullable|integer|min:0|prohibits:before',
            'limit' => 'nullable|integer|min:1|max:200',
        ]);
        $limit = (int) ($given['limit'] ?? 50);

        // The position first: what is told after it comes by the socket, and what was told before it is in the table
        // already. The other way round a message of the moment between would be in neither.
        $position = $this->position($domain);

        $query = $domain->messages()->with('sender')->limit($limit);
        if (isset($given['after'])) {
            $messages = $query->where('id', '>', (int) $given['after'])->orderBy('id')->get();
        } else {
            $before = $given['before'] ?? null;
            $messages = $query->when($before, fn ($query) => $query->where('id', '<', (int) $before))->orderByDesc('id')->get()->reverse()->values();
        }

        return response()->json([
            'messages' => $messages->map->card(),
            'has_older' => $this->hasOlder($domain, $messages),
            'position' => $position,
        ]);
    }

    public function store(Request $request, string $domain): JsonResponse
    {
        $domain = $this->domainOf($request, $domain);
        $given = $this->validate($request, [
            'text' => ['required', 'string', 'max:4000', fn ($name, $text, $fail) => mb_check_encoding($text, 'UTF-8') || $fail('The text must be UTF-8.')],
            'client_id' => 'required|uuid',
        ]);
        $given['client_id'] = strtolower($given['client_id']);

        // One transaction for the message and the job that tells it: there is never one without the other.
        $message = DB::transaction(function () use ($request, $domain, $given) {
            $message = Message::query()->firstOrCreate(
                ['sender_id' => $request->user()->id, 'client_id' => $given['client_id']],
                ['domain_id' => $domain->id, 'text' => $given['text']],
            );
            if ($message->wasRecentlyCreated) {
                broadcast(new MessageSent($message))->toOthers();
            }

            return $message;
        });

        if ($message->domain_id !== $domain->id || $message->text !== $given['text']) {
            throw ValidationException::withMessages(['client_id' => 'This client_id belongs to another message.']);
        }

        return response()->json(['message' => $message->card()], 201);
    }

    /** Null while Parley is away: the page shows what is stored, and joins the channel later. */
    private function position(Domain $domain): ?string
    {
        try {
            return Parley::position("private-domain.{$domain->id}");
        } catch (ParleyException $away) {
            report($away);

            return null;
        }
    }

    private function hasOlder(Domain $domain, Collection $messages): bool
    {
        $first = $messages->first();

        return $first !== null && $domain->messages()->where('id', '<', $first->id)->exists();
    }
}
