<?php

namespace App\Models;

use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Relations\BelongsTo;

class Message extends Model
{
    public const UPDATED_AT = null;

    protected $fillable = ['domain_id', 'sender_id', 'text', 'client_id'];

    protected $casts = ['domain_id' => 'integer', 'sender_id' => 'integer', 'created_at' => 'datetime'];

    protected $dateFormat = 'Y-m-d H:i:s.v';

    public function sender(): BelongsTo
    {
        return $this->belongsTo(User::class, 'sender_id');
    }

    /** As the API and `message.sent` say it. */
    public function card(): array
    {
        return [
            'id' => $this->id,
            'domain_id' => $this->domain_id,
            'sender' => $this->sender->card(),
            'text' => $this->text,
            'created_at' => $this->created_at->format('Y-m-d\TH:i:s.v\Z'),
            'client_id' => $this->client_id,
        ];
    }
}
