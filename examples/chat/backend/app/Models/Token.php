<?php

namespace App\Models;

use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Relations\BelongsTo;
use Illuminate\Support\Str;

/** A sign-in. What the client holds is not stored, only its hash. */
class Token extends Model
{
    public $timestamps = false;

    protected $fillable = ['user_id', 'hash', 'expires_at'];

    protected $casts = ['expires_at' => 'datetime'];

    public function user(): BelongsTo
    {
        return $this->belongsTo(User::class);
    }

    /** Returns the text for the client. */
    public static function issue(User $user): string
    {
        $text = Str::random(48);
        static::query()->create(['user_id' => $user->id, 'hash' => hash('sha256', $text), 'expires_at' => now()->addDays(config('chat.token_days'))]);

        return $text;
    }

    public static function findLive(?string $text): ?self
    {
        return $text ? static::query()->with('user')->where('hash', hash('sha256', $text))->where('expires_at', '>', now())->first() : null;
    }
}
