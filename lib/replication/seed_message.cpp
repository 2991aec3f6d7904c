#include "seed_message.hpp"

namespace vecstore::replication {
namespace {

struct seed_writer {
    byte_writer& out;

    void operator()(const seed_ask&) const {}
    void operator()(const seed_offer& m) const {
        out.put_bytes(m.id);
        out.put_sized(m.manifest);
    }
    void operator()(const seed_fetch& m) const {
        out.put_bytes(m.id);
        out.put(m.file);
        out.put(m.offset);
        out.put(m.bytes);
    }
    void operator()(const seed_data& m) const {
        out.put_bytes(m.id);
        out.put(m.file);
        out.put(m.offset);
        out.put_sized(m.bytes);
    }
    void operator()(const seed_gone& m) const { out.put_bytes(m.id); }
};

seed_fetch read_fetch(byte_reader& in) {
    seed_fetch m;
    m.id = get_node_id(in);
    m.file = in.get<std::uint32_t>();
    m.offset = in.get<std::uint64_t>();
    m.bytes = in.get<std::uint32_t>();
    return m;
}

seed_data read_data(byte_reader& in) {
    seed_data m;
    m.id = get_node_id(in);
    m.file = in.get<std::uint32_t>();
    m.offset = in.get<std::uint64_t>();
    m.bytes = in.get_sized();
    return m;
}

bool in_range(const seed_message& m) noexcept {
    const auto* const fetch = std::get_if<seed_fetch>(&m);
    const auto* const data = std::get_if<seed_data>(&m);
    return (fetch == nullptr || fetch->bytes <= seed_chunk_bytes_max) &&
           (data == nullptr || data->bytes.size() <= seed_chunk_bytes_max);
}

}  // namespace

void encode(const seed_message& m, byte_writer& out) {
    const auto type = static_cast<std::size_t>(seed_frame_type::ask) + m.index();
    const auto begun = begin_frame(out, static_cast<frame_type>(type), 0);
    std::visit(seed_writer{out}, m);
    end_frame(out, begun);
}

result<seed_message> decode_seed(const frame& f) {
    if (f.flags != 0) return error{errc::unsupported, "frame: flags " + std::to_string(f.flags) + " are not known"};
    byte_reader in(f.body);
    seed_message m;
    switch (static_cast<seed_frame_type>(f.type)) {
        case seed_frame_type::ask: m = seed_ask{}; break;
        case seed_frame_type::offer: {
            seed_offer offer;
            offer.id = get_node_id(in);
            offer.manifest = in.get_sized();
            m = offer;
            break;
        }
        case seed_frame_type::fetch: m = read_fetch(in); break;
        case seed_frame_type::data: m = read_data(in); break;
        case seed_frame_type::gone: m = seed_gone{get_node_id(in)}; break;
        default: return error{errc::unsupported, "frame: type " + std::to_string(f.type) + " is not known"};
    }
    if (!in.finished() || !in_range(m))
        return error{errc::corruption, "frame: the body of type " + std::to_string(f.type) + " is malformed"};
    return m;
}

}  // namespace vecstore::replication
