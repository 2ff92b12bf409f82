"""What is judged: the contract of a limiter, reference families and faulty specimens."""
