#include "message.hpp"

namespace vecstore::replication {
namespace {

frame_type type_of(const message& m) noexcept {
    constexpr frame_type types[] = {frame_type::hello,      frame_type::refuse,       frame_type::append,
                                    frame_type::append_ok,  frame_type::reject,       frame_type::heartbeat,
                                    frame_type::fence,      frame_type::promise,      frame_type::fetch,
                                    frame_type::fetched,    frame_type::proof,        frame_type::hand_over,
                                    frame_type::read_index, frame_type::read_index_ok};
    static_assert(std::size(types) == std::variant_size_v<message>);
    return types[m.index()];
}

struct body_writer {
    byte_writer& out;

    void operator()(const hello& m) const {
        out.put(m.version_min);
        out.put(m.version_max);
        put(out, m.cluster);
        put(out, m.node);
        out.put(m.features);
        out.put(m.config_epoch);
        out.put(m.promised_term);
        put(out, m.last);
        out.put(m.commit_lsn);
        out.put(m.checkpoint_lsn);
        out.put_bytes(m.nonce);
    }
    void operator()(const refuse& m) const {
        out.put(static_cast<std::uint16_t>(m.reason));
        out.put_sized(m.text);
    }
    void operator()(const proof& m) const { out.put_bytes(m.mac); }
    void operator()(const hand_over&) const {}
    void operator()(const read_index& m) const { out.put(m.id); }
    void operator()(const read_index_ok& m) const {
        out.put(m.id);
        out.put(static_cast<std::uint8_t>(m.done));
        out.put(m.lsn);
    }
    void operator()(const append& m) const {
        put(out, m.prev);
        out.put(m.commit_lsn);
        out.put(m.round);
        out.put_sized(m.records);
    }
    void operator()(const append_ok& m) const {
        out.put(m.round);
        out.put(m.durable_lsn);
        out.put(m.applied_lsn);
        out.put(m.credit_bytes);
        out.put(m.hash_lsn);
        put(out, m.hash);
    }
    void operator()(const reject& m) const {
        out.put(static_cast<std::uint8_t>(m.reason));
        out.put(m.promised_term);
        out.put(m.asked_lsn);
        out.put(m.last_lsn);
        out.put(m.upto_lsn);
        out.put(static_cast<std::uint16_t>(m.runs.size()));
        for (const auto& run : m.runs) {
            out.put(run.term);
            out.put(run.first_lsn);
        }
    }
    void operator()(const heartbeat& m) const {
        put(out, m.last);
        out.put(m.commit_lsn);
        out.put(m.round);
        out.put(m.hash_lsn);
        put(out, m.hash);
    }
    void operator()(const fence&) const {}
    void operator()(const promise& m) const {
        put(out, m.last);
        out.put(m.first_lsn);
        out.put(m.commit_lsn);
    }
    void operator()(const fetch& m) const { put(out, m.prev); }
    void operator()(const fetched& m) const {
        put(out, m.prev);
        out.put(m.last_lsn);
        out.put_sized(m.records);
    }
};

hello read_hello(byte_reader& in) {
    hello m;
    m.version_min = in.get<std::uint16_t>();
    m.version_max = in.get<std::uint16_t>();
    m.cluster = get_node_id(in);
    m.node = get_node_id(in);
    m.features = in.get<std::uint64_t>();
    m.config_epoch = in.get<std::uint64_t>();
    m.promised_term = in.get<std::uint64_t>();
    m.last = get_position(in);
    m.commit_lsn = in.get<std::uint64_t>();
    m.checkpoint_lsn = in.get<std::uint64_t>();
    const auto nonce = in.get_bytes(m.nonce.size());
    for (std::size_t i = 0; i < nonce.size(); ++i) m.nonce[i] = nonce[i];
    return m;
}

refuse read_refuse(byte_reader& in) {
    refuse m;
    m.reason = static_cast<refusal>(in.get<std::uint16_t>());
    m.text = as_text(in.get_sized());
    return m;
}

proof read_proof(byte_reader& in) {
    proof m;
    const auto mac = in.get_bytes(m.mac.size());
    for (std::size_t i = 0; i < mac.size(); ++i) m.mac[i] = mac[i];
    return m;
}

append read_append(byte_reader& in) {
    append m;
    m.prev = get_position(in);
    m.commit_lsn = in.get<std::uint64_t>();
    m.round = in.get<std::uint64_t>();
    m.records = in.get_sized();
    return m;
}

append_ok read_append_ok(byte_reader& in) {
    append_ok m;
    m.round = in.get<std::uint64_t>();
    m.durable_lsn = in.get<std::uint64_t>();
    m.applied_lsn = in.get<std::uint64_t>();
    m.credit_bytes = in.get<std::uint64_t>();
    m.hash_lsn = in.get<std::uint64_t>();
    m.hash = get_hash128(in);
    return m;
}

reject read_reject(byte_reader& in) {
    reject m;
    m.reason = static_cast<reject_reason>(in.get<std::uint8_t>());
    m.promised_term = in.get<std::uint64_t>();
    m.asked_lsn = in.get<std::uint64_t>();
    m.last_lsn = in.get<std::uint64_t>();
    m.upto_lsn = in.get<std::uint64_t>();
    const std::size_t count = in.get<std::uint16_t>();
    if (count > term_runs_max) (void)in.get_bytes(in.remaining() + 1);  // fails
    for (std::size_t i = 0; i < count && !in.failed(); ++i) {
        term_run run;
        run.term = in.get<std::uint64_t>();
        run.first_lsn = in.get<std::uint64_t>();
        m.runs.push_back(run);
    }
    return m;
}

heartbeat read_heartbeat(byte_reader& in) {
    heartbeat m;
    m.last = get_position(in);
    m.commit_lsn = in.get<std::uint64_t>();
    m.round = in.get<std::uint64_t>();
    m.hash_lsn = in.get<std::uint64_t>();
    m.hash = get_hash128(in);
    return m;
}

promise read_promise(byte_reader& in) {
    promise m;
    m.last = get_position(in);
    m.first_lsn = in.get<std::uint64_t>();
    m.commit_lsn = in.get<std::uint64_t>();
    return m;
}

fetched read_fetched(byte_reader& in) {
    fetched m;
    m.prev = get_position(in);
    m.last_lsn = in.get<std::uint64_t>();
    m.records = in.get_sized();
    return m;
}

result<message> read_index_answer(byte_reader& in) {
    read_index_ok m;
    m.id = in.get<std::uint64_t>();
    const auto done = in.get<std::uint8_t>();
    m.done = done == 1;
    m.lsn = in.get<std::uint64_t>();
    if (done > 1) return error{errc::corruption, "frame: a flag of read_index_ok is " + std::to_string(done)};
    return message(m);
}

bool in_range(const message& m) noexcept {
    if (const auto* h = std::get_if<hello>(&m)) return h->version_min <= h->version_max;
    if (const auto* r = std::get_if<refuse>(&m))
        return r->reason >= refusal::wrong_cluster && r->reason <= refusal::busy &&
               r->text.size() <= refusal_text_bytes_max;
    if (const auto* r = std::get_if<reject>(&m)) {
        if (r->reason < reject_reason::stale_term || r->reason > reject_reason::released) return false;
        for (std::size_t i = 1; i < r->runs.size(); ++i)
            if (r->runs[i].term <= r->runs[i - 1].term || r->runs[i].first_lsn <= r->runs[i - 1].first_lsn)
                return false;
        return r->runs.empty() || (r->runs.front().first_lsn > 0 && r->runs.back().first_lsn <= r->upto_lsn);
    }
    return true;
}

}  // namespace

void encode(const message& m, std::uint64_t term, byte_writer& out) {
    const auto begun = begin_frame(out, type_of(m), term);
    std::visit(body_writer{out}, m);
    end_frame(out, begun);
}

result<message> decode(const frame& f) {
    if (f.flags != 0) return error{errc::unsupported, "frame: flags " + std::to_string(f.flags) + " are not known"};
    byte_reader in(f.body);
    message m;
    switch (static_cast<frame_type>(f.type)) {
        case frame_type::hello: m = read_hello(in); break;
        case frame_type::refuse: m = read_refuse(in); break;
        case frame_type::proof: m = read_proof(in); break;
        case frame_type::append: m = read_append(in); break;
        case frame_type::append_ok: m = read_append_ok(in); break;
        case frame_type::reject: m = read_reject(in); break;
        case frame_type::heartbeat: m = read_heartbeat(in); break;
        case frame_type::fence: m = fence{}; break;
        case frame_type::promise: m = read_promise(in); break;
        case frame_type::fetch: m = fetch{get_position(in)}; break;
        case frame_type::fetched: m = read_fetched(in); break;
        case frame_type::hand_over: m = hand_over{}; break;
        case frame_type::read_index: m = read_index{in.get<std::uint64_t>()}; break;
        case frame_type::read_index_ok: {
            VECSTORE_TRY(m, read_index_answer(in));
            break;
        }
        default: return error{errc::unsupported, "frame: type " + std::to_string(f.type) + " is not known"};
    }
    if (!in.finished() || !in_range(m))
        return error{errc::corruption, "frame: the body of type " + std::to_string(f.type) + " is malformed"};
    return m;
}

}  // namespace vecstore::replication
