#include "seed_target.hpp"

#include <database/database_state.hpp>
#include <database/seed.hpp>
#include <database/snapshot_manifest.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace vecstore::replication {

struct seed_target::shared : std::enable_shared_from_this<seed_target::shared> {
    shared(const database& db, network& to, const seed_target_options& with)
        : state(detail::database_access::state_of(db)),
          net(&to),
          options(with),
          directory(storage::join_path(state->directory(), detail::incoming_name)) {
        options.piece_bytes = std::clamp<std::uint32_t>(options.piece_bytes, 1, seed_chunk_bytes_max);
    }

    struct piece {
        std::uint32_t file = 0;
        std::uint64_t offset = 0;
        std::uint32_t bytes = 0;
        time_us asked_at = 0;
    };

    void take(const node_id& from, const seed_offer& offer);
    result<void> begin(const seed_offer& offer);
    void take(const node_id& from, const seed_data& data);
    result<void> keep(const seed_data& data);
    void ask();
    void ask_for(piece& one);
    void check();
    void checked(const result<void>& outcome);
    void give_up(const result<void>& why);
    void report(const result<void>& outcome = {}) const {
        if (options.changed && net != nullptr) options.changed(at, outcome);
    }
    [[nodiscard]] storage::file_system& files() const noexcept { return *state->files(); }

    const std::shared_ptr<detail::database_state> state;
    network* net;  ///< null once the owner is gone
    seed_target_options options;
    const std::string directory;
    seed_status at;
    seed_id id{};
    detail::snapshot_manifest manifest;
    std::vector<piece> under_way;
    std::uint32_t next_file = 0;
    std::uint64_t next_offset = 0;
    time_us now = 0, heard_at = 0;
    byte_writer frame;
};

result<std::unique_ptr<seed_target>> seed_target::open(const database& db, network& net,
                                                       const seed_target_options& options) {
    auto inner = std::make_shared<shared>(db, net, options);
    if (inner->state->directory().empty())
        return error{errc::unsupported, "a database in memory cannot be replaced by a copy"};
    if (detail::seed_is_ready(inner->files(), inner->state->directory())) inner->at.stage = seed_stage::ready;
    return std::unique_ptr<seed_target>(new seed_target(std::move(inner)));
}

seed_target::~seed_target() { shared_->net = nullptr; }

seed_status seed_target::status() const { return shared_->at; }

bool seed_target::receive(time_us now, const node_id& from, byte_span bytes) {
    auto& s = *shared_;
    s.now = now;
    const auto f = parse_frame(bytes);
    if (!f || !is_seed_frame(f->type)) return false;
    const auto m = decode_seed(*f);
    if (!m) return false;
    if (const auto* offer = std::get_if<seed_offer>(&*m)) {
        s.take(from, *offer);
    } else if (const auto* data = std::get_if<seed_data>(&*m)) {
        s.take(from, *data);
    } else if (const auto* gone = std::get_if<seed_gone>(&*m)) {
        if (s.at.stage == seed_stage::loading && gone->id == s.id && from == s.at.source)
            s.give_up(error{errc::not_found, "the snapshot of node " + short_name(from) + " is gone"});
    } else {
        return false;
    }
    return true;
}

void seed_target::tick(time_us now) {
    auto& s = *shared_;
    s.now = now;
    if (s.at.stage != seed_stage::loading) return;
    if (now >= s.heard_at + s.options.give_up_us)
        return s.give_up(error{errc::timed_out, "node " + short_name(s.at.source) + " sends its snapshot no more"});
    for (auto& one : s.under_way)
        if (now >= one.asked_at + s.options.ask_again_us) s.ask_for(one);
}

void seed_target::shared::take(const node_id& from, const seed_offer& offer) {
    if (at.stage != seed_stage::none) return;
    auto found = detail::decode_manifest(offer.manifest, "SNAPSHOT");
    if (!found || !options.wanted({found->term, found->lsn, found->chain})) return;
    manifest = *std::move(found);
    at = {seed_stage::loading, from, manifest.lsn, 0, manifest.bytes()};
    id = offer.id;
    under_way.clear();
    next_file = 0;
    next_offset = 0;
    heard_at = now;
    if (auto begun = begin(offer); !begun) return give_up(begun);
    report();
    ask();
}

/// Makes an empty place for the files.
result<void> seed_target::shared::begin(const seed_offer& offer) {
    VECSTORE_CHECK(files().remove_all(directory));
    for (const auto* name : {"wal", "state", "parts"})
        VECSTORE_CHECK(files().create_directories(storage::join_path(directory, name)));
    for (const auto& each : manifest.files) {
        const auto path = storage::join_path(directory, each.path);
        VECSTORE_CHECK(files().create_directories(storage::parent_directory(path)));
        VECSTORE_CHECK(files().open(path, storage::open_mode::create));
    }
    return storage::write_file(files(), storage::join_path(directory, detail::snapshot_manifest_name), offer.manifest);
}

/// For what is not under way yet, as far as the window goes.
void seed_target::shared::ask() {
    while (under_way.size() < options.pieces_under_way && next_file < manifest.files.size()) {
        const auto size = manifest.files[next_file].bytes;
        if (next_offset >= size) {
            ++next_file;
            next_offset = 0;
            continue;
        }
        const auto bytes = std::min<std::uint64_t>(options.piece_bytes, size - next_offset);
        auto& one = under_way.emplace_back(piece{next_file, next_offset, static_cast<std::uint32_t>(bytes), 0});
        next_offset += bytes;
        ask_for(one);
    }
    if (under_way.empty()) check();
}

void seed_target::shared::ask_for(piece& one) {
    one.asked_at = now;
    frame.clear();
    encode(seed_fetch{id, one.file, one.offset, one.bytes}, frame);
    net->send(at.source, frame.bytes());
}

void seed_target::shared::take(const node_id& from, const seed_data& data) {
    if (at.stage != seed_stage::loading || from != at.source || data.id != id) return;
    const auto found = std::find_if(under_way.begin(), under_way.end(), [&](const piece& one) {
        return one.file == data.file && one.offset == data.offset && one.bytes == data.bytes.size();
    });
    if (found == under_way.end()) return;
    if (auto kept = keep(data); !kept) return give_up(kept);
    under_way.erase(found);
    at.bytes_done += data.bytes.size();
    heard_at = now;
    ask();
}

result<void> seed_target::shared::keep(const seed_data& data) {
    const auto path = storage::join_path(directory, manifest.files[data.file].path);
    VECSTORE_TRY(const auto file, files().open(path, storage::open_mode::read_write));
    return file->write_at(data.offset, data.bytes);
}

void seed_target::shared::check() {
    at.stage = seed_stage::checking;
    report();
    options.work([self = shared_from_this(), paths = manifest.files] {
        const auto prepare = [&]() -> result<void> {
            for (const auto& each : paths) {
                const auto path = storage::join_path(self->directory, each.path);
                VECSTORE_TRY(const auto file, self->files().open(path, storage::open_mode::read_write));
                VECSTORE_CHECK(file->sync());
            }
            VECSTORE_CHECK(detail::prepare_seed(self->state->files(), self->state->directory()));
            return {};
        };
        self->options.post([self, outcome = prepare()] { self->checked(outcome); });
    });
}

void seed_target::shared::checked(const result<void>& outcome) {
    if (!outcome) return give_up(outcome);
    at.stage = seed_stage::ready;
    report();
}

void seed_target::shared::give_up(const result<void>& why) {
    at = {};
    under_way.clear();
    (void)files().remove_all(directory);  // or it goes when the next begins
    report(why);
}

}  // namespace vecstore::replication
