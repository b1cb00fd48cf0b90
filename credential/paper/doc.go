// Package paper draws what people hold in their hands: QR codes and the printed
// page of a licence. It knows nothing of how licences come about, only what is
// to stand on the sheet.
package paper
