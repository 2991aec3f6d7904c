#include "seed_source.hpp"

#include <database/database_state.hpp>
#include <database/snapshot_manifest.hpp>

#include <map>
#include <optional>
#include <utility>

namespace vecstore::replication {
namespace {

constexpr auto no_lsn = ~std::uint64_t{0};
constexpr std::size_t manifest_bytes_max = 16u << 20;

}  // namespace

struct seed_source::shared : std::enable_shared_from_this<seed_source::shared> {
    shared(const database& from, network& to, const seed_source_options& with)
        : db(from),
          state(detail::database_access::state_of(from)),
          net(&to),
          options(with),
          directory(storage::join_path(state->directory(), "outgoing")) {}

    /// A snapshot that can be had; `manifest` as it stands in the file.
    struct offered {
        seed_id id{};
        std::string path;
        byte_vector bytes;
        detail::snapshot_manifest manifest;
    };

    void make();
    void made(result<offered> outcome);
    void send_offer(const node_id& to);
    void serve(const node_id& to, const seed_fetch& asked);
    void send(const node_id& to, const seed_message& m) {
        if (net == nullptr) return;
        frame.clear();
        encode(m, frame);
        net->send(to, frame.bytes());
    }
    void forget();

    const database db;
    const std::shared_ptr<detail::database_state> state;
    network* net;  ///< null once the owner is gone
    const seed_source_options options;
    const std::string directory;
    std::optional<offered> ready;
    bool making = false;
    std::map<node_id, time_us> waiting;  ///< when it was offered something last; 0: not yet
    time_us asked_at = 0;
    time_us now = 0;
    byte_writer frame;
    byte_vector piece;
};

result<std::unique_ptr<seed_source>> seed_source::open(const database& db, network& net,
                                                       const seed_source_options& options) {
    auto inner = std::make_shared<shared>(db, net, options);
    if (inner->state->directory().empty())
        return error{errc::unsupported, "a database in memory cannot be given to others"};
    VECSTORE_CHECK(inner->state->files()->remove_all(inner->directory));
    VECSTORE_CHECK(inner->state->files()->create_directories(inner->directory));
    return std::unique_ptr<seed_source>(new seed_source(std::move(inner)));
}

seed_source::~seed_source() {
    shared_->net = nullptr;
    shared_->forget();
}

std::uint64_t seed_source::first_lsn_needed() const noexcept {
    return shared_->ready ? shared_->ready->manifest.lsn + 1 : no_lsn;
}

void seed_source::offer(time_us now, const node_id& to) {
    auto& s = *shared_;
    s.now = now;
    auto& offered_at = s.waiting[to];
    if (offered_at != 0 && now < offered_at + s.options.offer_again_us) return;
    offered_at = now;
    if (s.ready)
        s.send_offer(to);
    else if (!s.making)
        s.make();
}

bool seed_source::receive(time_us now, const node_id& from, byte_span bytes) {
    auto& s = *shared_;
    s.now = now;
    const auto f = parse_frame(bytes);
    if (!f || !is_seed_frame(f->type)) return false;
    const auto m = decode_seed(*f);
    if (!m) return false;
    if (std::holds_alternative<seed_ask>(*m)) {
        offer(now, from);
        return true;
    }
    const auto* const asked = std::get_if<seed_fetch>(&*m);
    if (asked == nullptr) return false;
    s.serve(from, *asked);
    return true;
}

void seed_source::tick(time_us now) {
    auto& s = *shared_;
    s.now = now;
    if (s.ready && now >= s.asked_at + s.options.idle_us) s.forget();
}

void seed_source::shared::make() {
    making = true;
    options.work([self = shared_from_this()] {
        const auto take = [&]() -> result<offered> {
            offered one;
            one.id = detail::make_uuid();
            one.path = storage::join_path(self->directory, short_name(one.id));
            auto snapped = self->db;  // a handle
            VECSTORE_CHECK(snapped.snapshot(one.path));
            auto& files = *self->state->files();
            const auto path = storage::join_path(one.path, detail::snapshot_manifest_name);
            VECSTORE_TRY(one.bytes, storage::read_file(files, path));
            VECSTORE_TRY(one.manifest, detail::decode_manifest(one.bytes, path));
            if (one.bytes.size() > manifest_bytes_max)
                return error{errc::resource_exhausted, "the snapshot has too many files for one offer", path, 0};
            return one;
        };
        // A function that is posted must be copyable.
        const auto outcome = std::make_shared<result<offered>>(take());
        self->options.post([self, outcome] { self->made(std::move(*outcome)); });
    });
}

void seed_source::shared::made(result<offered> outcome) {
    making = false;
    if (!outcome) {
        if (options.failed) options.failed(outcome.error());
        waiting.clear();
        return;
    }
    ready = *std::move(outcome);
    asked_at = now;
    if (net == nullptr) return forget();
    for (const auto& [node, at] : waiting) send_offer(node);
}

void seed_source::shared::send_offer(const node_id& to) { send(to, seed_offer{ready->id, ready->bytes}); }

void seed_source::shared::serve(const node_id& to, const seed_fetch& asked) {
    const bool known = ready && ready->id == asked.id && asked.file < ready->manifest.files.size();
    if (!known || asked.bytes > seed_chunk_bytes_max) return send(to, seed_gone{asked.id});
    asked_at = now;
    const auto path = storage::join_path(ready->path, ready->manifest.files[asked.file].path);
    const auto read = [&]() -> result<std::size_t> {
        VECSTORE_TRY(const auto file, state->files()->open(path, storage::open_mode::read));
        piece.resize(asked.bytes);
        return file->read_at(asked.offset, piece);
    };
    const auto count = read();
    if (!count) {
        if (options.failed) options.failed(count.error());
        return send(to, seed_gone{asked.id});
    }
    send(to, seed_data{asked.id, asked.file, asked.offset, byte_span(piece).first(*count)});
}

void seed_source::shared::forget() {
    if (!ready) return;
    (void)state->files()->remove_all(ready->path);  // what is left goes with the next start
    ready.reset();
    waiting.clear();
}

}  // namespace vecstore::replication
