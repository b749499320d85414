<?php

namespace App\Http\Controllers;

use App\Events\MessagesRead;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\DB;
use Illuminate\Validation\Rule;

/** How far somebody has read, and what is left. */
class ReadController extends Controller
{
    /** Nobody counts further: a bell says "1000+". */
    private const UNREAD_MAX = 1000;

    public function index(Request $request): JsonResponse
    {
        $id = $request->user()->id;
        // One statement, so that `newest_id` and the count are of one moment: a page knows which messages of the socket
        // are counted.
        $rows = DB::select(
            'select place.domain_id as id, place.last_read_id,
                    (select count(*) from (select 1 from messages
                      where domain_id = place.domain_id and id > place.last_read_id and sender_id <> ? limit '.self::UNREAD_MAX.')) as unread,
                    (select coalesce(max(id), 0) from messages where domain_id = place.domain_id) as newest_id
               from domain_user as place where place.user_id = ? order by place.domain_id',
            [$id, $id],
        );

        return response()->json(['domains' => array_map(fn ($row) => array_map('intval', (array) $row), $rows)]);
    }

    public function store(Request $request, string $domain): Response
    {
        $domain = $this->domainOf($request, $domain);
        $given = $this->validate($request, [
            'message_id' => ['required', 'integer', Rule::exists('messages', 'id')->where('domain_id', $domain->id)],
        ]);
        $id = (int) $given['message_id'];
        // A mark never goes back, whichever of two tabs is the later one.
        $moved = DB::table('domain_user')->where('domain_id', $domain->id)->where('user_id', $request->user()->id)
            ->where('last_read_id', '<', $id)->update(['last_read_id' => $id]);
        if ($moved > 0) {
            // Stored it is; while Parley is away the other tabs hear of it with the next mark, or when they ask.
            rescue(function () use ($request, $domain, $id): void {
                broadcast(new MessagesRead($request->user()->id, $domain->id, $id))->toOthers();
            });
        }

        return response()->noContent();
    }
}
