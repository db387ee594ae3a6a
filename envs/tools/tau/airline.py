"""The rules of tau-bench's fourteen airline tools: what each changes, refuses and answers.

Cabin, baggage and membership rules stand in the policy; as in the original the tools do not check them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from turngym.envs.tools.database import Database, Record
from turngym.envs.tools.tau.tools import COMMON, answer, found, named
from turngym.envs.tools.tool import ToolError

AIRPORTS = {
    "SFO": "San Francisco",
    "JFK": "New York",
    "LAX": "Los Angeles",
    "ORD": "Chicago",
    "DFW": "Dallas",
    "DEN": "Denver",
    "SEA": "Seattle",
    "ATL": "Atlanta",
    "MIA": "Miami",
    "BOS": "Boston",
    "PHX": "Phoenix",
    "IAH": "Houston",
    "LAS": "Las Vegas",
    "MCO": "Orlando",
    "EWR": "Newark",
    "CLT": "Charlotte",
    "MSP": "Minneapolis",
    "DTW": "Detroit",
    "PHL": "Philadelphia",
    "LGA": "LaGuardia",
}
NEW_RESERVATIONS = ("HATHAT", "HATHAU", "HATHAV")
NEW_CERTIFICATES = ("certificate_3221322", "certificate_3221323", "certificate_3221324")
NOW = "2024-05-15T15:00:00"
BAG, INSURANCE = 50, 30
"""Dollars for a bag that is not free, and for a passenger's insurance."""


def list_all_airports(database: Database) -> str:
    """Cities by the codes of their airports."""
    return answer(AIRPORTS)


def get_user_details(database: Database, user_id: str) -> str:
    """The record of a user."""
    found(database, "users", user_id, "user")
    return answer(database.get("users", user_id))


def get_reservation_details(database: Database, reservation_id: str) -> str:
    """The record of a reservation."""
    found(database, "reservations", reservation_id, "user")  # so worded in the original
    return answer(database.get("reservations", reservation_id))


def search_direct_flight(database: Database, origin: str, destination: str, date: str) -> str:
    """The flights between two airports that have seats on a day."""
    route = (origin, destination)
    flights = [
        flight for _, flight in database.rows("flights") if (flight["origin"], flight["destination"]) == route
    ]
    return answer([_offer(flight, date) for flight in flights if _available(flight, date)])


def search_onestop_flight(database: Database, origin: str, destination: str, date: str) -> str:
    """The pairs of flights with one stop that have seats on a day."""
    return answer([*_connections(database, origin, destination, date)])


def book_reservation(
    database: Database,
    user_id: str,
    origin: str,
    destination: str,
    flight_type: str,
    cabin: str,
    flights: Sequence[Record],
    passengers: Sequence[Record],
    payment_methods: Sequence[Record],
    total_baggages: int,
    nonfree_baggages: int,
    insurance: str,
) -> str:
    """Add a reservation and take what is paid by gift card or certificate; seats are not taken."""
    found(database, "users", user_id, "user")
    free = (id for id in NEW_RESERVATIONS if not database.has("reservations", id))
    id = next(free, NEW_RESERVATIONS[-1])
    reservation: Record = {
        "reservation_id": id,
        "user_id": user_id,
        "origin": origin,
        "destination": destination,
        "flight_type": flight_type,
        "cabin": cabin,
        "flights": copy.deepcopy(flights),
        "passengers": copy.deepcopy(passengers),
        "payment_history": copy.deepcopy(payment_methods),
        "created_at": NOW,
        "total_baggages": total_baggages,
        "nonfree_baggages": nonfree_baggages,
        "insurance": insurance,
    }
    seats = (_seat(database, segment, cabin, len(passengers)) for segment in reservation["flights"])
    price = sum(seat * len(passengers) for seat in seats)
    if insurance == "yes":
        price += INSURANCE * len(passengers)
    price += BAG * nonfree_baggages
    _need_payment(database.get("users", user_id), payment_methods, price)
    user = database.edit("users", user_id)
    _pay(user, payment_methods)
    user["reservations"].append(id)
    database.put("reservations", id, reservation)
    return answer(reservation)


def cancel_reservation(database: Database, reservation_id: str) -> str:
    """Mark a reservation as cancelled and note the refunds; whether it was flown is not checked."""
    found(database, "reservations", reservation_id, "reservation")
    reservation = database.edit("reservations", reservation_id)
    reservation["payment_history"] += [
        {"payment_id": payment["payment_id"], "amount": -payment["amount"]}
        for payment in reservation["payment_history"]
    ]
    reservation["status"] = "cancelled"
    return answer(reservation)


def update_reservation_flights(
    database: Database, reservation_id: str, cabin: str, flights: Sequence[Record], payment_id: str
) -> str:
    """Replace the segments and note the difference in price; those kept keep their price."""
    found(database, "reservations", reservation_id, "reservation")
    former = database.get("reservations", reservation_id)
    new = copy.deepcopy(flights)
    price = sum(_segment(database, former, segment, cabin) for segment in new)
    price = (price - sum(segment["price"] for segment in former["flights"])) * len(former["passengers"])
    _charge(database, former["user_id"], payment_id, price)
    reservation = database.edit("reservations", reservation_id)
    reservation["flights"] = new  # the cabin is not written down, as in the original
    _note_payment(reservation, payment_id, price)
    return answer(reservation)


def update_reservation_baggages(
    database: Database, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
) -> str:
    """Replace the numbers of bags; each further one that is not free costs."""
    found(database, "reservations", reservation_id, "reservation")
    former = database.get("reservations", reservation_id)
    price = BAG * max(0, nonfree_baggages - former["nonfree_baggages"])
    _charge(database, former["user_id"], payment_id, price)
    reservation = database.edit("reservations", reservation_id)
    reservation["total_baggages"] = total_baggages
    reservation["nonfree_baggages"] = nonfree_baggages
    _note_payment(reservation, payment_id, price)
    return answer(reservation)


def update_reservation_passengers(
    database: Database, reservation_id: str, passengers: Sequence[Record]
) -> str:
    """Replace the passengers by as many others."""
    found(database, "reservations", reservation_id, "reservation")
    if len(passengers) != len(database.get("reservations", reservation_id)["passengers"]):
        raise ToolError("number of passengers does not match")
    reservation = database.edit("reservations", reservation_id)
    reservation["passengers"] = copy.deepcopy(passengers)
    return answer(reservation)


def send_certificate(database: Database, user_id: str, amount: float) -> str:
    """Give a user a certificate, the third at most."""
    found(database, "users", user_id, "user")
    methods = database.edit("users", user_id)["payment_methods"]
    id = next((id for id in NEW_CERTIFICATES if id not in methods), None)
    if id is None:
        return "None"
    methods[id] = {"source": "certificate", "amount": amount, "id": id}
    return f"Certificate {id} added to user {user_id} with amount {amount}."


def _connections(database: Database, origin: str, destination: str, date: str) -> Iterator[list[Record]]:
    """Pairs of flights with a stop, the second not leaving before the first has come in."""
    flights = [flight for _, flight in database.rows("flights")]
    seconds = [flight for flight in flights if flight["destination"] == destination]
    for first in flights:
        for second in seconds if first["origin"] == origin else ():
            if first["destination"] == second["origin"]:
                yield from _pair(first, second, date)


def _pair(first: Record, second: Record, date: str) -> Iterator[list[Record]]:
    """The two flights in a row, if both have seats; seats and prices of both are those of the first's day."""
    arrival = first["scheduled_arrival_time_est"]
    then = f"2024-05-{int(date[-2:]) + 1}" if "+1" in arrival else date
    late = arrival > second["scheduled_departure_time_est"]
    if not late and _available(first, date) and _available(second, then):
        yield [_offer(first, date) | {"date": date}, _offer(second, date) | {"date": then}]


def _available(flight: Record, date: str) -> bool:
    return date in flight["dates"] and flight["dates"][date]["status"] == "available"


def _offer(flight: Record, date: str) -> Record:
    """A flight on one day: its own data, then seats and prices of the day."""
    return {**{key: value for key, value in flight.items() if key != "dates"}, **flight["dates"][date]}


def _segment(database: Database, former: Record, segment: Record, cabin: str) -> Any:
    """The price of one seat, that paid before where the reservation has the segment; fills the segment in."""
    for known in former["flights"]:
        same = known["flight_number"] == segment["flight_number"] and known["date"] == segment["date"]
        if same and cabin == former["cabin"]:
            segment |= {key: known[key] for key in ("price", "origin", "destination")}
            return segment["price"]
    return _seat(database, segment, cabin, len(former["passengers"]))


def _seat(database: Database, segment: Record, cabin: str, count: int) -> Any:
    """The price of one seat on a flight that still has `count` of them; fills the segment in."""
    number = segment["flight_number"]
    found(database, "flights", number, f"flight {number}")
    flight, date = database.get("flights", number), segment["date"]
    found_date = flight["dates"].get(date)
    if found_date is None:
        raise ToolError(f"flight {number} not found on date {date}")
    if found_date["status"] != "available":
        raise ToolError(f"flight {number} not available on date {date}")
    if found_date["available_seats"][cabin] < count:
        raise ToolError(f"not enough seats on flight {number}")
    segment["price"] = found_date["prices"][cabin]
    segment["origin"], segment["destination"] = flight["origin"], flight["destination"]
    return segment["price"]


def _need_payment(user: Record, payments: Sequence[Record], price: int) -> None:
    for payment in payments:
        id, amount = payment["payment_id"], payment["amount"]
        if id not in user["payment_methods"]:
            raise ToolError(f"payment method {id} not found")
        method = user["payment_methods"][id]
        if method["source"] in ("gift_card", "certificate") and method["amount"] < amount:
            raise ToolError(f"not enough balance in payment method {id}")
    paid = sum(payment["amount"] for payment in payments)
    if paid != price:
        raise ToolError(f"payment amount does not add up, total price is {price}, but paid {paid}")


def _pay(user: Record, payments: Sequence[Record]) -> None:
    """Gift cards lose the amount, certificates are used up."""
    for payment in payments:
        id, methods = payment["payment_id"], user["payment_methods"]
        if methods[id]["source"] == "gift_card":
            methods[id]["amount"] -= payment["amount"]
        elif methods[id]["source"] == "certificate":
            del methods[id]


def _charge(database: Database, user_id: str, payment_id: str, price: int) -> None:
    """Let the user pay for a change, or be refunded where `price` is negative."""
    methods: dict[str, Record] = database.get("users", user_id)["payment_methods"]
    if payment_id not in methods:
        raise ToolError("payment method not found")
    method = methods[payment_id]
    if method["source"] == "certificate":
        raise ToolError("certificate cannot be used to update reservation")
    if method["source"] == "gift_card":
        if method["amount"] < price:
            raise ToolError("gift card balance is not enough")
        database.edit("users", user_id)["payment_methods"][payment_id]["amount"] -= price


def _note_payment(reservation: Record, payment_id: str, price: int) -> None:
    if price:
        reservation["payment_history"].append({"payment_id": payment_id, "amount": price})


FUNCTIONS = COMMON | named(
    book_reservation,
    cancel_reservation,
    get_reservation_details,
    get_user_details,
    list_all_airports,
    search_direct_flight,
    search_onestop_flight,
    send_certificate,
    update_reservation_baggages,
    update_reservation_flights,
    update_reservation_passengers,
)
