// Package jt808 turns frames of JT/T 808 (道路运输车辆卫星定位系统终端通信协议)
// into values and back. It is pure: no clock, no socket, no state beyond what the
// caller holds. Both headers of the standard are known: 2013 (phone of 6 bytes)
// and 2019 (version flag, phone of 10 bytes).
//
// Reading a connection, as a gateway does:
//
//	in := jt808.NewScanner(conn)
//	var f jt808.Frame
//	parts := jt808.NewReassembler(jt808.Limits{})
//	for {
//		wire, err := in.Next()
//		if why := jt808.ReasonOf(err); why != "" {
//			count(why) // garbage, half, oversize: the stream goes on
//			continue
//		} else if err != nil {
//			return // the connection's own error
//		}
//		if err := f.Decode(wire); err != nil {
//			count(jt808.ReasonOf(err)); continue
//		}
//		whole, err := parts.Add(&f, now)
//		if whole == nil { … continue } // a part; the others are still to come
//		m, err := whole.Message()
//		switch m := m.(type) {
//		case jt808.Position: …
//		case jt808.Batch: …
//		}
//	}
//
// The quick way for positions, which allocates nothing: Frame.Decode, and where
// f.ID is IDPosition and f.Total is 0, Position.Decode(f.Body).
//
// What belongs to whom: wire is the scanner's until the next Next, f.Body lies in
// wire or in the frame until the next Decode, and a message lies in its frame
// (items and raw bytes are not copied, texts are). Decode (the function) and
// Frame.Clone give values that own what they hold.
//
// Writing: Encode appends the frame for a message to a buffer, or the frames, if
// the body is too long for one, and says how many serial numbers it used.
//
// Encoding what was decoded gives the same bytes, and decoding what was encoded
// gives the same value; the tests hold both against made-up and real frames.
//
// What can't be read is an *Error with a Reason from a closed list (Reasons), made
// to be counted. A message of an unknown kind, an encrypted one and a part of one
// are no errors: they come as Raw.
package jt808
